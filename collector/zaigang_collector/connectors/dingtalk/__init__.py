"""DingTalk 钉钉: punches, check-ins, leave and approvals of one company, by an application of its own."""
