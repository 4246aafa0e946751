"""Placing of facts: rows of the deep views, stored as tables, for reports to read.

Input: the warehouse's tables, by its own views, so that a word means the same in both. Output:
three databases beside the warehouse's, named after it: `_placed_0` and `_placed_1` in turn, which
reports read, and `_placed_visits`, in which visits are brought up to date for both; on a server
each turn of a warehouse has its own (`_turn_N_placed_0` and so on). Guarantee: placed facts have
all that the views had at one time, known as their as_of, and nothing that was erased by then; what
is corrected, erased, merged or loaded after that is in the next placing. Everything here can be
dropped at any time, and is made again; a report that misses it reads views.
"""
