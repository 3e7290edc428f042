"""MIMIC-CXR: folders of every shape, sections by the public rules, priors, faults."""

from __future__ import annotations

import gzip
import random
import zipfile
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from mmrad_eval import datasets
from mmrad_eval.core.errors import DataError, UsageError
from mmrad_eval.datasets.check import check
from mmrad_eval.datasets.readers.mimic import sections
from mmrad_eval.datasets.readers.mimic.archive import Archive
from mmrad_eval.datasets.source import Source

if TYPE_CHECKING:
    from tests.datasets.conftest import Mimic


@pytest.mark.parametrize("reports", ["zip", "tree", "flat"])
@pytest.mark.parametrize("pack", ["gz", "zip", ""])
def test_every_shape_of_folder_gives_the_same_studies(mimic: Mimic, reports: str, pack: str) -> None:
    data = datasets.load(str(mimic.write(reports=reports, images="jpg", pack=pack)))
    assert (data.name, data.data_use) == ("mimic", "credentialed")
    assert [(s.id, s.patient, s.split) for s in data.studies] == [
        ("50414267", "10000032", "train"),
        ("53189527", "10000032", "train"),
        ("57375967", "10000764", "test"),
        ("50771383", "10000898", "validate"),
    ]
    first = data.studies[0]
    assert first.reference is not None
    assert (first.reference.findings, first.reference.impression) == ("The lungs are clear.", "No acute process.")
    assert first.reference.text == "Findings: The lungs are clear.\nImpression: No acute process."
    assert (first.context.indication, first.context.comparison) == ("___F with cough  // pneumonia?", "___")
    assert all(Path(image.path).is_file() for study in data.studies for image in study.images)


def test_the_key_image_is_the_frontal_one_and_views_fall_back_to_their_code(mimic: Mimic) -> None:
    data = datasets.load(str(mimic.write()))
    assert [image.view for image in data.studies[0].images] == ["PA", "LATERAL"]
    assert [image.view for image in data.studies[2].images] == ["AP", "LL"]
    assert [image.view for image in data.studies[3].images] == ["lateral"]
    assert data.studies[0].images[0].size == (2544, 3056)


@pytest.mark.parametrize(("kind", "suffix"), [("dcm", ".dcm"), ("flat.jpg", ".jpg"), ("png", ".png")])
def test_images_are_found_as_dicom_png_or_in_one_folder(mimic: Mimic, kind: str, suffix: str) -> None:
    data = datasets.load(str(mimic.write(images=kind)))
    paths = [Path(image.path) for study in data.studies for image in study.images]
    assert len(paths) == 6
    assert all(path.is_file() and path.suffix == suffix for path in paths)


def test_images_may_lie_in_another_folder_than_the_reports(mimic: Mimic, tmp_path: Path) -> None:
    elsewhere = replace(mimic, root=tmp_path / "jpg" / "2.1.0")
    elsewhere.write(images="jpg", reports="none")
    data = datasets.load(str(mimic.write()), images=tmp_path / "jpg")
    assert all(Path(image.path).is_file() for study in data.studies for image in study.images)


def test_the_digest_is_that_of_the_words_not_of_the_folder_or_the_file_type(mimic: Mimic, tmp_path: Path) -> None:
    first = datasets.digest(datasets.load(str(mimic.write(images="jpg"))))
    copy = replace(mimic, root=tmp_path / "renamed" / "x")
    assert datasets.digest(datasets.load(str(copy.write(images="dcm", pack="")))) == first
    copy = replace(mimic, root=tmp_path / "other", taken=[replace(mimic.taken[0], findings="Edema."), *mimic.taken[1:]])
    assert datasets.digest(datasets.load(str(copy.write(images="jpg")))) != first


def test_the_prior_is_the_latest_earlier_study_with_its_interval(mimic: Mimic) -> None:
    data = datasets.load(str(mimic.write()))
    assert data.studies[0].priors == ()
    (prior,) = data.studies[1].priors
    assert prior.id == "50414267"
    assert prior.interval_days == pytest.approx(51 - (4 * 3600 + 35 * 60 + 14) / 86400, abs=1e-5)
    assert prior.report == data.studies[0].reference
    assert {image.role for image in prior.images} == {"prior"}


def test_all_priors_come_latest_first_where_asked_for(mimic: Mimic) -> None:
    third = replace(mimic.taken[1], study="59999999", date="21810101")
    data = datasets.load(str(replace(mimic, taken=[*mimic.taken, third]).write()), options={"priors": "all"})
    assert [prior.id for prior in data.studies[4].priors] == ["53189527", "50414267"]
    with pytest.raises(UsageError, match="priors can be latest, all"):
        datasets.load(str(mimic.root), options={"priors": "some"})


def test_one_study_an_image_is_another_dataset(mimic: Mimic) -> None:
    whole = datasets.load(str(mimic.write()))
    data = datasets.load(f"mimic-images:{mimic.root}")
    assert [study.id for study in data.studies] == [t.dicom(n) for t in mimic.taken for n in range(len(t.views))]
    assert data.studies[0].reference == whole.studies[0].reference
    assert [len(study.images) for study in data.studies] == [1] * 6
    assert datasets.digest(data) != datasets.digest(whole)


def test_a_sectioned_table_does_in_the_place_of_reports(mimic: Mimic) -> None:
    mimic.write(reports="none")
    header = ("study", "impression", "findings", "last_paragraph", "comparison")
    rows = [("s50414267", "Normal.", "Clear.", "", "___"), ("s53189527", "", "", "Only this.", "")]
    mimic.table("mimic_cxr_sectioned.csv", header, rows, pack="")
    first, second, third, _ = datasets.load(str(mimic.root)).studies
    assert first.reference is not None
    assert second.reference is not None
    assert (first.reference.findings, first.reference.impression) == ("Clear.", "Normal.")
    assert (second.reference.text, second.reference.findings) == ("Only this.", None)
    assert third.reference is None


def test_lists_alone_can_be_described_and_say_what_is_missing(mimic: Mimic) -> None:
    data = datasets.load(str(mimic.write(reports="none")))
    assert all(study.reference is None for study in data.studies)
    assert any("no reports were found" in note for note in data.notes)


def test_reports_alone_are_studies_without_images(mimic: Mimic) -> None:
    mimic.reports_zip()
    data = datasets.load(str(mimic.root))
    assert [(study.id, study.patient) for study in data.studies] == [(t.study, t.subject) for t in mimic.taken]
    assert any("no split list" in note for note in data.notes)


def test_the_record_list_of_the_dicom_project_does_without_metadata(mimic: Mimic) -> None:
    rows = [(t.subject, t.study, t.dicom(n), "files/…") for t in mimic.taken for n in range(len(t.views))]
    mimic.table("cxr-record-list.csv", ("subject_id", "study_id", "dicom_id", "path"), rows)
    extra = [("10009999", "59000000", "files/…")]
    mimic.table("cxr-study-list.csv", ("subject_id", "study_id", "path"), extra)
    mimic.reports_zip()
    data = datasets.load(str(mimic.root))
    assert [study.id for study in data.studies] == [*(t.study for t in mimic.taken), "59000000"]
    assert data.studies[4].images == ()


def test_marks_line_ends_and_letters_of_lists_do_not_matter(mimic: Mimic) -> None:
    plain = datasets.load(str(mimic.write())).studies[:]
    strange = replace(mimic, root=mimic.root.parent / "strange", newline="\r\n", mark=b"\xef\xbb\xbf")
    data = datasets.load(str(strange.write()))
    assert [(s.id, s.split, s.reference) for s in data.studies] == [(s.id, s.split, s.reference) for s in plain]


def test_a_check_says_the_same_of_files_with_either_line_end(mimic: Mimic) -> None:
    strange = replace(mimic, root=mimic.root.parent / "strange" / mimic.root.name, newline="\r\n")
    told = [
        [
            (problem.kind, problem.what.replace(str(one.root), ""))
            for problem in check("mimic", Source(one.write())).problems
        ]
        for one in (mimic, strange)
    ]
    assert told[0] == told[1]
    assert told[0]


def test_a_missing_column_is_named_with_those_that_are_there(mimic: Mimic) -> None:
    mimic.table("mimic-cxr-2.0.0-metadata.csv", ("dicom_id", "subject_id", "ViewPosition"), [("a", "b", "PA")])
    with pytest.raises(DataError, match="has no column study_id; its columns are dicom_id, subject_id, ViewPosition"):
        datasets.load(str(mimic.root))


def test_a_broken_row_is_named_with_its_line(mimic: Mimic) -> None:
    mimic.write()
    path = mimic.root / "mimic-cxr-2.0.0-split.csv.gz"
    lines = gzip.decompress(path.read_bytes()).decode().splitlines()
    lines[2] += ",one,too,many"
    path.write_bytes(gzip.compress("\n".join(lines).encode()))
    with pytest.raises(DataError, match=r"split.csv.gz:3: 7 cells where the header names 4"):
        datasets.load(str(mimic.root))


def test_a_duplicate_image_is_named_with_both_lines(mimic: Mimic) -> None:
    mimic.taken = [*mimic.taken, mimic.taken[0]]
    with pytest.raises(DataError, match=r"metadata.csv.gz:8: image .* also occurs in line 2"):
        datasets.load(str(mimic.write(reports="none")))


def test_a_damaged_zip_is_named(mimic: Mimic) -> None:
    mimic.write()
    path = mimic.root / "mimic-cxr-reports.zip"
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(DataError, match="its directory is missing; download it again"):
        datasets.load(str(mimic.root))


def test_a_report_that_is_not_utf_8_stops_a_run_and_is_listed_by_a_check(mimic: Mimic) -> None:
    mimic.write(reports="tree")
    path = next(mimic.root.rglob("s57375967.txt"))
    path.write_bytes(b" FINDINGS: \n d\xe9j\xe0 vu")
    data = datasets.load(str(mimic.root))
    assert data.studies[0].reference is not None
    with pytest.raises(DataError, match=r"s57375967.txt:2: byte 0xe9 is not UTF-8"):
        data.studies[2]


def test_credentials_can_not_be_declared_away_nor_lost_by_renaming(mimic: Mimic) -> None:
    mimic.write()
    mimic.root.rename(mimic.root.parent / "my-data")
    root = str(mimic.root.parent / "my-data")
    assert datasets.load(root).data_use == "credentialed"
    with pytest.raises(UsageError, match="credentialed"):
        datasets.load(root, data_use="open")


def test_a_file_is_no_folder_of_mimic(tmp_path: Path) -> None:
    (tmp_path / "x.csv").write_text("a")
    with pytest.raises(UsageError, match="takes the folder of MIMIC-CXR"):
        datasets.load(f"mimic:{tmp_path / 'x.csv'}")
    with pytest.raises(DataError, match="nothing lists the studies"):
        datasets.load(f"mimic:{tmp_path}")


def test_the_archive_reads_what_zipfile_reads(tmp_path: Path) -> None:
    rng = random.Random(3)
    texts = {str(50_000_000 + n): bytes(rng.randrange(256) for _ in range(rng.randrange(400))) for n in range(40)}
    path = tmp_path / "r.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for number, (study, data) in enumerate(texts.items()):
            kind = zipfile.ZIP_DEFLATED if number % 2 else zipfile.ZIP_STORED
            archive.writestr(f"files/p10/p10000{number:03d}/s{study}.txt", data, kind)
        archive.writestr("files/index.html", b"no report")
    opened = Archive(path)
    assert opened.ids() == list(texts)
    assert {study: opened.read(study) for study in reversed(texts)} == texts
    assert opened.subject("50000007") == "10000007"
    assert opened.read("59999999") is None


def test_a_changed_byte_of_a_member_is_noticed(tmp_path: Path) -> None:
    path = tmp_path / "r.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as archive:
        archive.writestr("s50000000.txt", b"FINDINGS: clear")
    path.write_bytes(path.read_bytes().replace(b"clear", b"clean", 1))
    with pytest.raises(DataError, match="checksum"):
        Archive(path).read("50000000")


# The public rules (github.com/MIT-LCP/mimic-cxr, txt/section_parser.py), each shown on an invented report.


def test_the_last_section_of_a_name_counts() -> None:
    report, _ = sections.read("50000000", "\n FINDINGS: \n one\n FINDINGS: \n two\n IMPRESSION: \n three")
    assert (report.findings, report.impression) == ("two", "three")


def test_headings_are_known_by_their_variants_and_misspellings() -> None:
    for heading, name in (
        ("CHEST, TWO VIEWS", "findings"),
        ("PORTABLE AP CHEST", "findings"),
        ("IMPRESSOIN", "impression"),
        ("CONCLUSION", "impression"),
        ("FINDINGS/IMPRESSION", "impression"),
        ("FINDINGS AND IMPRESSION", "impression"),
        ("REASON FOR EXAM", "indication"),
        ("NDICATION", "indication"),
        ("WETREAD", "wet read"),
        ("RECOMMENDATION(S)", "recommendations"),
        ("SOMETHING ELSE", "something else"),
    ):
        assert sections.rules().name(heading) == name


def test_an_empty_findings_section_is_no_section() -> None:
    text = "\n CHEST, PA LATERAL: \n \n INDICATION: \n cough\n IMPRESSION: \n normal"
    report, context = sections.read("50000000", text)
    assert (report.findings, report.impression, context.indication) == (None, "normal", "cough")


def test_without_both_the_last_paragraph_is_the_report() -> None:
    report, context = sections.read("50000000", "\n INDICATION: cough\n \n The lungs are clear.\n \n End.")
    assert report.text == "The lungs are clear.\n \n End."
    assert (report.findings, report.impression) == (None, None)
    assert context.indication == "cough"


def test_studies_marked_by_hand_are_read_where_their_text_stands() -> None:
    text = "x" * 59 + "The heart is enlarged." + "y" * 400
    assert sections.read("56579911", text)[0].text == text[59:218]
    assert sections.read("58235663", "anything")[0].text == ""
    described = "\n TECHNIQUE: \n The lungs are clear.\n FINDINGS: \n not this"
    assert sections.read("53202765", described)[0].text == "The lungs are clear."
    assert len(sections.rules().described_in) + len(sections.rules().described_at) == 54
