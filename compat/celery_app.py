"""The smallest Celery application with a client made at import. The broker comes from Celery's own variables."""

from __future__ import annotations

from typing import Any

from celery import Celery

from compat import questions

client = questions.client_from_environment()
app = Celery("compat")


def answer(question: str, arguments: dict[str, str]) -> dict[str, Any]:
    """See `compat.questions`."""
    return questions.answer(client, question, arguments)


app.task(name="answer")(answer)
