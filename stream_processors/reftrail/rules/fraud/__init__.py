"""Evidence of fraud: checks with weights and limits, the score they add up to, and the verdict."""
