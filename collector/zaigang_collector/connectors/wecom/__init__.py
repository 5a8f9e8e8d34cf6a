"""WeCom 企业微信: punches, terminals, leave and corrections of one company, by an application of its own."""
