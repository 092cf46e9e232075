"""Subjects are pseudonyms under a secret key and reveal neither the person nor the key."""

from __future__ import annotations

import pandas as pd

from health_etl.days.pseudonym import key_fingerprint, source_file, subject, subjects

KEY = "a key for tests alone"


def test_a_subject_is_the_keyed_hash_of_the_user_id() -> None:
    # printf anna | openssl dgst -sha256 -hmac "a key for tests alone"
    assert subject("anna", KEY) == "d2561243dfa53edf"


def test_a_subject_is_stable_and_differs_by_person_and_key() -> None:
    assert subject("anna", KEY) == subject("anna", KEY)
    assert len({subject("anna", KEY), subject("ben", KEY), subject("anna", KEY + "x"), subject("Anna", KEY)}) == 4


def test_the_subjects_of_a_column_are_in_the_order_of_its_user_ids() -> None:
    people = pd.Series(["ben", "anna", "ben"], index=[5, 3, 9], dtype="str")
    found = subjects(people, KEY)
    assert found.to_dict() == {5: subject("ben", KEY), 3: subject("anna", KEY), 9: subject("ben", KEY)}
    assert found.dtype == "str"


def test_an_empty_column_has_no_subjects() -> None:
    assert subjects(pd.Series([], dtype="str"), KEY).tolist() == []


def test_the_pseudonym_of_a_source_file_is_keyed_and_never_that_of_a_person() -> None:
    key = "raw/StepsRecord/2025/09/21/anna_20250921_101112_phone_0123abcd.avro"
    # printf 'source file\nraw/StepsRecord/…' | openssl dgst -sha256 -hmac "a key for tests alone"
    assert source_file(key, KEY) == "f7d0ec7170c1e149"
    assert source_file(key, KEY + "x") != source_file(key, KEY) != subject(key, KEY)


def test_the_fingerprint_changes_with_the_key_and_does_not_contain_it() -> None:
    assert key_fingerprint(KEY) != key_fingerprint(KEY + "x")
    assert key_fingerprint(KEY) == key_fingerprint(KEY)
    assert KEY not in key_fingerprint(KEY)
