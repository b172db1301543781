"""A study of kept results, and writing it."""

import yaml

STUDY = {
    "title": "Digits",
    "text": "What it is.",
    "columns": {"bacc": "test/bacc", "last epoch": "last/test/bacc"},
    "percent": True,
    "seeds": 3,
    "tolerance": 1.5,
    "rows": [
        {
            "label": "CE",
            "where": {"method": "erm"},
            "published": [60, 62],
            "source": "a paper",
            "command": "method=erm",
        },
        {"label": "EOS", "where": {"method": "eos"}, "published": [90, 90]},
        {"label": "SMOTE", "where": {"method": "smote"}, "published": [70, 80]},
        {"label": "copies", "where": {"method": "random"}},
    ],
    "contrasts": [
        {"label": "EOS - CE", "better": {"method": "eos"}, "than": {"method": "erm"}},
        {"label": "SMOTE - CE", "better": {"method": "smote"}, "than": {"method": "erm"}},
    ],
}
HITS = {"erm": [(7, 5), (7, 4), (6, 5)], "eos": [(7, 8), (8, 7), (6, 9)]}


def write(folder, study):
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "study.yaml").write_text(yaml.safe_dump(study, sort_keys=False))
