"""What of the tests is hostile or broken input, and how many files and texts of each kind that are.

    python -m tests.hostile_input

prints one JSON object: kind to number. A case of a test counts as one, as pytest lists them; of a test that makes many
files in each case all of them count.
"""

import json
import os
import subprocess
import sys
from collections import Counter
from collections.abc import Mapping
from pathlib import Path

from tests.core.datasets.archives.test_mutated_archives import NUM_PER_KIND
from tests.core.datasets.archives.test_seven_zip import NUM_DAMAGED
from tests.core.photos.test_mutated_files import FAMILIES, NUM_PER_FILE
from tests.core.storage.test_arrays import NUM_SPOILT

_PROJECT_DIR = Path(__file__).parent.parent
_CORE = "tests/core"
_ARCHIVES = f"{_CORE}/datasets/archives"

# Kind to test files to the tests in them, by the ends of their names.
HOSTILE: Mapping[str, Mapping[str, tuple[str, ...]]] = {
    "photos": {
        f"{_CORE}/photos/test_decode.py": (
            *("corrupt_exif_is_ignored", "other_files_are_named_for_what_they_are", "empty_file", "truncated_photo"),
            *("garbage_after_a_valid_beginning", "damaged_message_says_what_to_do", "byte_limit", "pixel_limit"),
            *("pixel_bomb_is_refused_from_its_header", "our_limit_rules_over_pillows"),
        ),
        f"{_CORE}/photos/test_kinds.py": (
            *("the_pixel_limit", "truncated", "broken_netpbm", "texts_are_no_netpbm", "a_damaged_png_is_damaged"),
            *("varieties_of_jpeg_that_nobody_reads", "text_and_profiles_stop_no_png", "dicom_that_is_not_read"),
            *("jpeg_far_above_the_limit_is_refused", "what_pillow_knows_and_we_do_not_want"),
            *("raw_files_that_cannot_be_developed_are_named", "fully_transparent_pictures_are_blank"),
        ),
        f"{_CORE}/photos/test_tiff.py": (
            *("many_bands_are_refused_with_their_number", "directories_that_share_their_values_take_little_memory"),
            *("a_small_file_of_a_huge_strip_stays_small", "unread_compression_is_not_called_damage"),
        ),
        f"{_CORE}/photos/test_wide_files.py": (
            *("jpeg_2000_that_is_broken_or_too_large", "an_animation_of_one_colour_and_a_broken_one"),
        ),
        f"{_CORE}/photos/test_store.py": (
            *("a_jpeg_of_unusual_structure_is_encoded_anew", "a_jpeg_without_its_end_is_refused"),
            *("a_damaged_or_missing_photo_is_noticed",),
        ),
    },
    "photos with bytes changed at random": {f"{_CORE}/photos/test_mutated_files.py": ("mutated_files",)},
    "archives": {
        f"{_ARCHIVES}/test_archives.py": (
            *("what_is_no_archive_is_said", "an_archive_above_the_limit_is_not_even_opened"),
            *("a_million_claimed_entries_are_refused_from_the_last_bytes", "entries_of_a_tar_are_counted"),
            *("entries_are_counted_whatever_the_end_of_the_zip_claims", "a_gigabyte_of_zeros_in_a_tar_is_an_attack"),
            *("a_gigabyte_of_zeros_in_a_zip_is_refused_unread", "many_small_bombs_are_an_attack"),
            *("the_bytes_that_come_out_are_bounded", "files_that_share_bytes_are_an_attack"),
            *("one_part_of_a_divided_zip_is_named_as_such", "unsafe_paths_are_refused_with_their_reason"),
            *("links_and_devices_are_refused", "a_link_in_a_zip_is_refused", "a_wrong_checksum_is_damage"),
            *("a_sparse_file_in_a_tar_is_refused_and_the_next_is_read", "an_unknown_packing_method_is_named"),
            *("an_encrypted_file_is_refused_and_the_rest_is_read", "a_file_above_the_limit_is_refused_alone"),
            *("a_header_that_lies_about_the_size_is_found_out", "a_name_of_gigabytes_in_a_tar_is_damage"),
            *("of_a_truncated_zip_the_beginning_is_read_and_the_loss_reported",),
            *("a_zip_cut_in_its_table_of_contents_loses_nothing",),
            *("of_a_truncated_tar_the_beginning_is_read_and_the_loss_reported",),
            *("damage_in_the_middle_of_a_compressed_tar_is_reported",),
            *("a_truncated_archive_without_one_whole_header_is_refused", "a_tar_name_that_is_no_utf8_can_be_stored"),
        ),
        f"{_ARCHIVES}/test_nested_archives.py": (
            *("a_third_level_is_refused_with_a_sentence", "an_archive_under_the_name_of_a_photo_is_named"),
            *("an_inner_archive_that_cannot_be_read_is_one_refused_file", "a_bomb_in_the_second_level_is_an_attack"),
            *("of_a_cut_inner_archive_the_beginning_is_read", "unsafe_paths_inside_an_inner_archive_are_refused"),
            *("the_name_of_an_inner_archive_leads_nowhere", "many_inner_archives_are_an_attack_together"),
            *("files_of_both_levels_are_counted",),
        ),
        f"{_ARCHIVES}/test_seven_zip.py": (
            *("a_password_is_named", "a_bomb_is_refused_before_anything_is_unpacked", "files_are_counted"),
            *("a_header_that_asks_for_too_much_is_refused", "damage_in_a_block_is_told_of_the_files_in_it"),
            *("a_dictionary_of_gigabytes_refuses_the_files_that_need_it",),
        ),
        f"{_ARCHIVES}/test_tar_links.py": (
            *("a_link_that_leads_to_no_file_of_the_archive_is_refused", "many_links_to_one_photo_are_counted_as_often"),
        ),
        f"{_ARCHIVES}/test_series.py": ("a_missing_piece_is_named", "a_name_may_claim_any_number"),
    },
    "archives with bytes changed at random": {
        f"{_ARCHIVES}/test_mutated_archives.py": ("mutated_bytes_raise_nothing_but_our_error",),
        f"{_ARCHIVES}/test_seven_zip.py": ("no_damage_raises_anything_but_our_error",),
    },
    "projects": {
        f"{_CORE}/projects/test_hostile.py": (
            *("a_project_that_is_not_right_is_refused", "a_photo_that_does_not_fit_its_name_is_refused"),
            *("what_is_no_photo_is_refused_though_its_name_fits", "a_missing_photo_is_counted_and_named"),
            *("a_missing_file_of_a_run_is_named", "a_changed_byte_anywhere_is_noticed"),
            *("a_file_that_was_cut_off_is_refused", "the_same_name_twice_is_refused", "a_link_is_refused"),
            *("a_bomb_is_refused_before_it_fills_anything", "a_size_that_the_file_lies_about_is_noticed"),
            *("too_many_photos_are_refused", "another_archive_is_no_project"),
            *("measurements_that_cannot_be_are_made_again",),
        ),
        f"{_CORE}/projects/test_models.py": (
            *("a_model_that_does_not_fit_is_refused", "a_network_that_cannot_be_loaded_is_refused"),
            *("a_network_under_the_name_of_another_is_refused",),
        ),
    },
    "tables, names and paths": {
        f"{_CORE}/datasets/test_incoming_paths.py": ("unsafe_paths_have_a_reason", "a_long_path_is_shown_short"),
        f"{_CORE}/datasets/test_manifest.py": ("no_cell_is_a_formula", "a_wrong_table_says_where_and_why"),
        f"{_CORE}/datasets/readings/test_by_table.py": ("what_is_no_table_changes_nothing",),
        f"{_ARCHIVES}/test_name_encodings.py": ("any_bytes_become_text_that_a_database_takes",),
    },
    "links": {
        f"{_CORE}/links/test_address.py": ("links_that_cannot_be_read",),
        f"{_CORE}/links/test_connection.py": ("deadline", "redirects_are_checked", "redirect_loop"),
        f"{_CORE}/links/test_data_address.py": ("broken_addresses_are_refused", "the_limit_of_bytes_holds"),
        f"{_CORE}/links/test_hosts.py": (
            *("private_addresses_in_any_spelling", "every_address_of_a_name_must_be_public", "dns_rebinding"),
            *("unknown_name", "slow_dns"),
        ),
        f"{_CORE}/links/test_https.py": (
            *("certificate_of_another_host", "certificate_of_nobody", "slow_drip_over_https"),
            *("https_to_a_server_that_speaks_http", "handshake_that_never_comes"),
        ),
        f"{_CORE}/links/test_photo.py": ("size_limit", "failures_say_what_to_do"),
    },
    "weights, models and records": {
        f"{_CORE}/backbones/test_torch_weights.py": (
            *("a_file_that_asks_for_anything_but_arrays_is_refused", "a_hostile_file_runs_nothing"),
            *("a_truncated_file_is_refused", "another_kind_of_file_is_refused", "a_pickle_without_tensors_is_refused"),
        ),
        f"{_CORE}/storage/test_arrays.py": ("what_is_no_file_of_arrays_is_refused",),
        f"{_CORE}/inference/test_head.py": ("what_is_no_head_is_refused", "a_head_that_was_cut_off_is_refused"),
        f"{_CORE}/training/test_checkpoint.py": ("a_damaged_checkpoint_says_what_to_do",),
        f"{_CORE}/test_records.py": ("values_of_another_type_are_refused",),
    },
    "files of arrays with bytes changed at random": {
        f"{_CORE}/storage/test_arrays.py": ("spoilt_bytes_are_never_another_error",),
    },
}
# Files that a test makes in each of its cases, where they are more than one.
_FILES_PER_CASE = {
    "test_mutated_files": NUM_PER_FILE * sum(map(len, FAMILIES.values())) / len(FAMILIES),
    "test_mutated_bytes_raise_nothing_but_our_error": NUM_PER_KIND,
    "test_no_damage_raises_anything_but_our_error": NUM_DAMAGED,
    "test_spoilt_bytes_are_never_another_error": NUM_SPOILT,
}


def count_hostile() -> dict[str, int]:
    """How much of each kind there is.

    Raises:
        ValueError: a test of the table is not there.
    """
    cases = _collect({path for files in HOSTILE.values() for path in files})
    counted = {}
    for kind, files in HOSTILE.items():
        tests = [(path, f"test_{name}") for path, names in files.items() for name in names]
        missing = [f"{path}::{name}" for path, name in tests if not cases[path, name]]
        if missing:
            raise ValueError(f"These tests are in the table of hostile input and are not there: {', '.join(missing)}")
        counted[kind] = round(sum(cases[each] * _FILES_PER_CASE.get(each[1], 1) for each in tests))
    return counted


def _collect(paths: set[str]) -> Counter[tuple[str, str]]:
    """How many cases each test of some files has."""
    command = [sys.executable, "-m", "pytest", "--collect-only", "-q", "-n", "0", *sorted(paths)]
    told = subprocess.run(command, cwd=_PROJECT_DIR, env=os.environ, capture_output=True, text=True, check=True)
    cases: Counter[tuple[str, str]] = Counter()
    for line in told.stdout.splitlines():
        path, mark, rest = line.partition("::")
        if mark:
            cases[path, rest.partition("[")[0]] += 1
    return cases


if __name__ == "__main__":
    print(json.dumps(count_hostile()))
