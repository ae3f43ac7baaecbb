-- The contract that a Python model cannot carry itself.
select
    rater,
    other_rater,
    value_type,
    cells,
    jobs,
    is_thin,
    exact,
    cohens_kappa,
    cohens_kappa_low,
    cohens_kappa_high,
    krippendorffs_alpha,
    krippendorffs_alpha_low,
    krippendorffs_alpha_high,
from {{ ref("review_agreements") }}
