"""Other companies, played on this machine: services that take messages, keep what they received, and fail on demand.

Nothing here imports anything of Carillon's: a shared line would make both sides wrong in the same way.
"""
