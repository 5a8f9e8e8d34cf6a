"""Clock-ins from files: a spreadsheet is pushed, not asked for. Its form is guessed, shown, confirmed
and remembered; what people wrote in it is never kept."""
