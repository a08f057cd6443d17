"""All trials, in the order in which they are made."""

from creditbank.conformance import door, learning, proofs

TRIALS = (
    door.describes_itself,
    door.names_its_keys,
    door.gives_tokens,
    door.keeps_others_out,
    door.asks_for_scopes,
    door.explains_refusals,
    door.takes_sound_json_alone,
    door.takes_exact_amounts,
    learning.opens_once,
    learning.masks_numbers,
    learning.notes_conflicts,
    learning.posts_once,
    learning.keeps_ids_apart,
    learning.corrects_by_revision,
    learning.counts_once,
    learning.answers_every_row,
    learning.books_what_it_recognises,
    learning.reverses_what_is_revoked,
    learning.tells_earlier_days,
    learning.explains_decisions,
    proofs.hides_what_is_foreign,
    proofs.asks_for_consent,
    proofs.issues_proofs,
    proofs.repeats_without_effect,
    proofs.revokes_proofs,
    proofs.proves_its_log,
)
