"""Which column of a stranger's table holds what: the obvious names are recognised, others are named by the user."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from mmrad_eval.core.decode import listed
from mmrad_eval.core.errors import UsageError


def _names(words: str) -> tuple[str, ...]:
    return tuple(words.split())


STUDY: dict[str, tuple[str, ...]] = {
    "id": _names(
        "id study_id studyid case_id report_id sample_id example_id image_id imageid dicom_id uid accession "
        "accession_number study_instance_uid studyinstanceuid key name study case index idx question_id "
        "doc_id custom_id qid"
    ),
    "patient": _names("patient patient_id patientid subject_id subject deid_patient_id participant_id"),
    "images": _names(
        "images image image_path image_paths imagepath path_to_image img_path img filename file_name file "
        "path image_file image_files key_image_path"
    ),
    "view": _names("view views view_position viewposition frontal_lateral projection view_name ap_pa orientation"),
    "findings": _names("findings section_findings finding findings_section report_findings reference_findings"),
    "impression": _names(
        "impression section_impression impressions impression_section conclusion reference_impression"
    ),
    "report": _names(
        "report reference text report_text full_report reports radiology_report ground_truth groundtruth gt "
        "gts reference_report gt_report target caption answer"
    ),
    "second_findings": _names("second_findings findings_second second_reader_findings reader_2_findings"),
    "second_impression": _names("second_impression impression_second second_reader_impression reader_2_impression"),
    "second_report": _names("second_report report_second second_reader_report reader_2_report second_reader"),
    "split": _names("split subset partition fold set"),
    "age": _names("age patient_age patientage"),
    "sex": _names("sex gender patient_sex patientsex"),
    "indication": _names("indication section_indication clinical_indication reason_for_exam clinical_information"),
    "comparison": _names("comparison section_comparison comparisons"),
    "technique": _names("technique section_technique examination exam"),
    "history": _names("history section_history clinical_history section_clinical_history"),
    "trace": _names("trace reasoning rationale chain_of_thought cot thinking"),
}
"""Our word -> the names of columns that hold it, most telling first, as ``plain`` writes them."""

PREDICTION: dict[str, tuple[str, ...]] = {
    "id": STUDY["id"],
    "findings": _names("predicted_findings generated_findings pred_findings findings_prediction"),
    "impression": _names("predicted_impression generated_impression pred_impression impression_prediction"),
    "report": _names(
        "model_prediction prediction predictions predicted pred preds predicted_report prediction_report generated "
        "generated_report generation generated_text candidate candidates hypothesis hyp output model_output response "
        "completion res"
    ),
    "trace": _names("trace reasoning rationale chain_of_thought cot thinking think"),
}
"""Names that only what a model wrote has: where one is there, the names of ``REPORT`` beside it are its reference."""

REPORT: dict[str, tuple[str, ...]] = {
    "id": STUDY["id"],
    "findings": STUDY["findings"],
    "impression": STUDY["impression"],
    "report": _names("report answer text report_text caption reports"),
    "trace": PREDICTION["trace"],
}
"""Names of reports in a file that holds one kind of report alone."""


def plain(name: str) -> str:
    """A column's name in lower case with underscores: ``Image Path`` and ``imagePath`` are ``image_path``."""
    spaced = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name.strip())
    return re.sub(r"[^0-9a-z]+", "_", spaced.lower()).strip("_")


def match(
    names: Sequence[str],
    known: Mapping[str, tuple[str, ...]],
    given: Mapping[str, str],
    path: Path,
    option: str = "--column",
) -> dict[str, str]:
    """Our word -> the column that holds it. ``given``, said with ``option``, wins.

    UsageError for a word or a column that is not there.
    """
    for word, column in given.items():
        if word not in known:
            raise UsageError(f"{option} {word}={column}: the fields are {', '.join(known)}")
        if column not in names:
            raise UsageError(f"{option} {word}={column}: {path} has no such column; its columns are {', '.join(names)}")
    by_plain: dict[str, str] = {}
    for name in names:
        by_plain.setdefault(plain(name), name)
        by_plain.setdefault(plain(name).replace("_", ""), name)
    found = dict(given)
    for word, aliases in known.items():
        taken = set(found.values())
        free = [by_plain[alias] for alias in aliases if alias in by_plain and by_plain[alias] not in taken]
        if word not in found and free:
            found[word] = free[0]
    return found


def text(cell: Any) -> str | None:
    """A cell as text, None where it holds nothing: an empty text, null, or not a number."""
    if cell is None or (isinstance(cell, float) and math.isnan(cell)):
        return None
    if isinstance(cell, float) and cell.is_integer():
        cell = int(cell)  # pandas writes whole numbers of a column with gaps as 12.0
    if isinstance(cell, list):
        cell = "\n".join(str(part) for part in cell if part is not None)
    value = str(cell)
    return value if value.strip() else None


def listing(value: Any) -> list[Any]:
    """A field that should be a list: the list, none of null, and anything else as the one thing in it."""
    return value if isinstance(value, list) else [] if value is None else [value]


def texts(cell: Any) -> list[str]:
    """A cell as a list of texts: a list, JSON or Python's spelling of one, or names parted by ``;``, ``|`` or ``,``."""
    if isinstance(cell, list | tuple):
        return [str(part) for part in cell if part is not None and str(part).strip()]
    value = (text(cell) or "").strip()
    if value.startswith("[") and value.endswith("]"):
        parsed = listed(value)
        if parsed is not None:
            return texts(parsed)
    separator = next((s for s in (";", "|") if s in value), None)
    if separator is None and re.search(r"\.\w{2,5}\s*,\s*\S", value):
        separator = ","
    return [part.strip() for part in (value.split(separator) if separator else [value]) if part.strip()]
