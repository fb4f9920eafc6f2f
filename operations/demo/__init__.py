"""The main job, played in a terminal with everything real: queue, SMTP, HTTP, spool, database.

`stage` is a folder, ports and a queue of the demo's own; `play` acts as marketer, approver and clock; `mailbox` opens
what arrived; `readers` follow the links in it; `audit` compares the report with all of that.
"""
