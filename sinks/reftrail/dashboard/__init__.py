"""Dashboard: pages for people who run a referral programme, and the page of a user.

Input: the reports' answers, and rows behind them. Output: HTML, and decisions of reviewers, which
go to the collector under the reviewer's own key. Guarantee: a page shows what the key of its
session may read over the API, and nothing else.
"""
