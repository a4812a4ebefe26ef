"""Who carries the flow on: lanes of steps, and the worker that fills them."""

from app.worker.lanes import Lanes
from app.worker.worker import Worker

__all__ = ["Lanes", "Worker"]
