"""First touch of a visitor: the touch stage's rules."""
