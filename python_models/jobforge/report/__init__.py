"""The page that shows a built warehouse: what was filled, from where, and how far to trust it.

    tables                            how gold is read, and what stands in for what is not there
    coverage, accuracy                what each part of the page shows,
    costs, findings                   as it stands in gold
    cells                             the cells that the page's search covers
    content                           all of it together
    page                              one HTML file with everything in it

Nothing is measured here: a figure is a column of a gold table, or a sum or count of its rows. What
is null there is null on the page, with its reason. The page itself is written in `assets/report`
and built into `report/assets`, which the package carries.
"""
