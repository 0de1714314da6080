"""Gas of what users do, beside plain contracts that do the comparable thing, measured in one run."""
