"""Papers: letter and report as PDF/A, and lists of person-days for people who work with spreadsheets."""
