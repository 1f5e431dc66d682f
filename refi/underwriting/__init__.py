"""Underwriting: facts are gathered and frozen, every rule looks at them, the decision explains itself.

The same facts under the same policy give the same decision; the record holds everything that is needed to
make it again years later. A decline is a value, never an error, and missing data never approves.
"""
