"""Bounces and complaints: what a mail that came back says (`mail`), why (`causes`), about whom (`whose`), and keeping
it (`intake`); the mailbox it may lie in (`mailbox`)."""
