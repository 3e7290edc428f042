"""What a reader is shown of a judge's evaluation: each finding and what became of it, each error and its weight.

Whatever a judge wrote gives a record: a list or a field that is not in the form stays out of it, and a reply that is no
evaluation is shown as it is. Nothing is measured here.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

_SIDES = (
    ("findings of the reference", "reference_findings", "ref_id", "missing_findings", "missing"),
    ("findings of the candidate", "predicted_findings", "pred_id", "false_findings", "false finding"),
)


def crimson_record(judged: Any, reply: str) -> dict[str, Any]:
    """Findings of both sides with their significance and fate, and errors of attributes, out of CRIMSON's JSON."""
    if not isinstance(judged, Mapping):
        return {"reply": reply}
    errors = judged.get("errors")
    errors = errors if isinstance(errors, Mapping) else {}
    words = {
        end: {_key(one.get("id")): one.get("finding") for one in _rows(judged.get(side))}
        for _, side, end, _, _ in _SIDES
    }
    matches = _rows(judged.get("matched_findings"))
    record: dict[str, Any] = {}
    for title, side, end, unmatched, fate in _SIDES:
        other = "pred_id" if end == "ref_id" else "ref_id"
        partners: dict[str, list[str]] = {}
        for match in matches:
            partner = words[other].get(_key(match.get(other)), match.get(other))
            partners.setdefault(_key(match.get(end)), []).append(str(partner))
        listed = errors.get(unmatched)
        lost = {_key(one) for one in listed} if isinstance(listed, list) else set()
        record[title] = [
            {
                "finding": one.get("finding"),
                "significance": _spaced(one.get("clinical_significance")),
                "fate": "matched" if _key(one.get("id")) in partners else fate if _key(one.get("id")) in lost else "",
                "matched with": partners.get(_key(one.get("id")), []),
            }
            for one in _rows(judged.get(side))
        ]
    record["errors of matched findings"] = [
        {
            "reference": words["ref_id"].get(_key(one.get("ref_id")), one.get("ref_id")),
            "candidate": words["pred_id"].get(_key(one.get("pred_id")), one.get("pred_id")),
            "severity": _spaced(one.get("severity")),
            "kinds": one.get("error_types"),
            "explanation": one.get("explanation"),
        }
        for one in _rows(errors.get("attribute_errors"))
    ]
    return record if any(record.values()) else {"reply": reply}


def radmatch_record(
    records: Sequence[Mapping[str, Any]],
    spurious: Sequence[Mapping[str, Any]],
    missed: Sequence[Mapping[str, Any]],
    candidate: Mapping[str, Mapping[str, Any]],
    reference: Mapping[str, Mapping[str, Any]],
) -> dict[str, Any]:
    """Matches with their errors, and findings without a match, out of what RadMatch's stages return."""
    return {
        "matched findings": [
            {
                "reference": reference[one["gt_id"]].get("text"),
                "candidate": candidate[one["pred_id"]].get("text"),
                "significance": _spaced(one["gt_significance"]),
                "fate": _CATEGORIES.get(one["muc_category"], one["muc_category"]),
                "errors": [_error(error) for key in ("structured_errors", "text_errors") for error in one[key]],
            }
            for one in records
        ],
        "missed findings": [_found(one) for one in missed],
        "added findings": [_found(one) for one in spurious],
    }


_CATEGORIES = {"COR": "correct", "PAR": "partly correct", "INC": "incorrect"}


def _error(error: Mapping[str, Any]) -> str:
    said = f": {why}" if (why := error.get("reasoning") or error.get("reason")) else ""
    return f"{_spaced(error.get('dimension'))}, {error.get('severity')}{said}"


def _found(one: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "finding": one.get("text"),
        "significance": _spaced(one.get("clinical_significance")),
        "status": one.get("clinical_status"),
    }


def _spaced(value: Any) -> Any:
    """A term of a package as words."""
    return value.replace("_", " ") if isinstance(value, str) else value


def _key(value: Any) -> str:
    """An id as it is compared; judges write numbers, too."""
    return str(value)


def _rows(value: Any) -> list[Mapping[str, Any]]:
    return [one for one in value if isinstance(one, Mapping)] if isinstance(value, list) else []
