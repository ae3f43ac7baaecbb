"""Review: what people say of cells, on its way out to them as a file and back into the ledger.

decisions  what the ledger has, as a table for SQL
sheet      the columns of the file, and how a value is written so that it stays text
workbook   the file as Excel has it
delimited  the file as CSV
checks     which rows of a filled file hold, and what each comes to
"""
