-- What the sources say of a cell before any model is asked: the best candidate.
with {{ best_candidates(ref("int_source_candidates"), with_llm=false) }}

select * from best_candidates
