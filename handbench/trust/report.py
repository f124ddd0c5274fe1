"""What verification says: findings by check, with counts and the first examples."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from handbench.datasets import Coverage, Finding

SHOWN, KEPT = 5, 500
"""Findings of one check and kind that are printed, and that are kept for JSON; the others are counted."""

Kind = str


@dataclass
class Check:
    """What one check found.

    Attributes:
        name: e.g. ``units``.
        looked: how many samples, hands or files it looked at.
        of: what these are, e.g. ``hands``.
        counts: findings by kind.
        examples: the first findings of each kind.
    """

    name: str
    looked: int = 0
    of: str = "hands"
    counts: dict[Kind, int] = field(default_factory=dict)
    examples: list[Finding] = field(default_factory=list)

    def add(self, findings: Iterable[Finding]) -> None:
        """Counts findings and keeps the first ones."""
        for finding in findings:
            n = self.counts.get(finding.kind, 0)
            self.counts[finding.kind] = n + 1
            if n < KEPT:
                self.examples.append(finding)

    @property
    def verdict(self) -> str:
        """``fault``, ``missing``, ``ok``, or ``-`` where there was nothing to look at."""
        for kind in ("fault", "missing"):
            if self.counts.get(kind):
                return kind
        return "ok" if self.looked else "-"


@dataclass
class Report:
    """The outcome of a verification.

    Attributes:
        dataset: name and split.
        root: where it lies.
        fingerprint: of its annotation.
        samples: how many it has.
        looked: how many of them were read.
        coverage: how much of the split is on disk.
        checks: by name, in the order they ran.
    """

    dataset: str
    root: str
    fingerprint: str
    samples: int
    looked: int
    coverage: Coverage
    checks: dict[str, Check] = field(default_factory=dict)

    def check(self, name: str, looked: int = 0, of: str = "hands") -> Check:
        """Returns a check by name, made when it is new."""
        found = self.checks.setdefault(name, Check(name, 0, of))
        found.looked += looked
        return found

    def count(self, kind: Kind) -> int:
        """Returns how many findings of a kind there are."""
        return sum(check.counts.get(kind, 0) for check in self.checks.values())

    @property
    def exit_code(self) -> int:
        """0 sound, 3 partial (samples of the split are missing), 4 faults."""
        if self.count("fault"):
            return 4
        return 0 if self.coverage.complete else 3

    def lines(self) -> list[str]:
        """Returns the report as text."""
        out = [
            f"{self.dataset} in {self.root}: {self.samples} samples, {self.looked} looked at",
            f"fingerprint {self.fingerprint}",
            "",
        ]
        for check in self.checks.values():
            looked = f"{check.looked} {check.of}" if check.looked else "nothing to check"
            counts = ", ".join(f"{n} {_plural(kind, n)}" for kind, n in sorted(check.counts.items()))
            out.append(f"{check.name:<12} {check.verdict:<8} {looked}{'; ' + counts if counts else ''}")
            for kind in ("fault", "missing", "note"):
                shown = [finding for finding in check.examples if finding.kind == kind][:SHOWN]
                out.extend(f"    {kind}: {_line(finding)}" for finding in shown)
                more = check.counts.get(kind, 0) - len(shown)
                if more > 0:
                    out.append(f"    ... and {more} more of this kind; --json lists them")
        return out

    def as_dict(self) -> dict[str, Any]:
        """Returns the report as plain values for JSON."""
        return {
            "dataset": self.dataset,
            "root": self.root,
            "fingerprint": self.fingerprint,
            "samples": self.samples,
            "looked": self.looked,
            "coverage": {
                "present": self.coverage.present,
                "expected": self.coverage.expected,
                "missing": list(self.coverage.missing),
            },
            "sound": not self.count("fault"),
            "exit_code": self.exit_code,
            "checks": [
                {
                    "name": check.name,
                    "verdict": check.verdict,
                    "looked": check.looked,
                    "of": check.of,
                    "counts": check.counts,
                    "examples": [
                        {"kind": f.kind, "where": f.where, "what": f.what, "remedy": f.remedy}
                        for f in check.examples
                    ],
                }
                for check in self.checks.values()
            ],
        }


def _plural(kind: Kind, n: int) -> str:
    return kind if n == 1 or kind == "missing" else kind + "s"


def _line(finding: Finding) -> str:
    tail = f" ({finding.remedy})" if finding.remedy else ""
    return f"{finding.where}: {finding.what}{tail}"
