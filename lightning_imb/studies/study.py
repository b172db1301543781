"""What every analysis of finished runs is."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import ClassVar

from lightning_imb.runs import RunFolder
from lightning_imb.studies.findings import Findings
from lightning_imb.studies.subject import Subject


class Study(ABC):
    """An analysis with its settings: subclasses are frozen dataclasses whose fields are those of their yaml.

    Attributes:
        name: Of its yaml file, of its folder in ``analysis/`` of a run, and on the command line.
        title: Its heading in reports.
        reads_regions: Whether findings depend on the regions that the data mark.
    """

    name: ClassVar[str]
    title: ClassVar[str]
    reads_regions: ClassVar[bool] = False

    def reads_also(self) -> tuple[RunFolder, ...]:
        """Other runs that findings depend on, by the settings; when one of them is trained anew, they are made anew."""
        return ()

    @abstractmethod
    def look(self, subject: Subject) -> Findings:
        """Look into one run.

        Raises:
            InputError: If a setting does not fit the run.
        """

    def compare(self, subjects: Sequence[Subject], found: Sequence[Findings]) -> Findings | None:
        """Compare the runs of a sweep, beyond the means of their numbers; None where there is nothing beyond.

        Args:
            subjects: At least two runs.
            found: What was found in each; without figures where it was read back from disk.
        """
        return None
