"""The pocket model, and folders of its form such as those of students."""

from __future__ import annotations

import os

import verdigris
from verdigris.serving.models.model import Model, Session


class PocketModel(Model):
    def __init__(self, folder: str | None) -> None:
        self.pocket = verdigris.Pocket(folder)
        super().__init__(self.pocket.tokenizer, start=self.pocket.bos_id, ends=frozenset([self.pocket.eos_id]), context=None,
                         parallel=len(os.sched_getaffinity(0)))

    def session(self) -> Session:
        return self.pocket.session()
