"""Drift: what the three servers grant, beside what a stack's last `up` declared, and how it is put right.

`examine.find` gives a report for each stack and changes nothing; `repair.repair` puts right what a report has.
"""
