"""What signs: the certificate authority, enrolment, and the register of devices."""
