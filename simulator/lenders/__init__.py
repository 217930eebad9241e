"""Lenders' own side: capital, funding, back-leverage, debts to each other, receivership.

What a lender does about a borrower is in `credit`.
"""
