"""Syntax trees of modules."""

import ast
import gc


def parsed(source: str) -> ast.Module:
    """The syntax tree of a module; nothing is collected while it is made.

    A future whose error nobody has seen is logged when it is collected, and the log parses lines of
    the traceback to mark places in them. Python 3.11 takes a tree that is made within another one
    for a fault of its own (SystemError: AST constructor recursion depth mismatch).
    """
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        return ast.parse(source)
    finally:
        if was_enabled:
            gc.enable()
