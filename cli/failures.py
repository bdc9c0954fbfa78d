"""Errors that a command may end with: expected, and told in one line that says how to mend it."""

import psycopg

from api.revocations import TokenFileError
from cli.archiving import UnfinishedError
from cli.origin import OriginError
from cli.serving import ServeError
from consumers.broker import BrokerError
from consumers.contacts import TooManyRejectedError
from consumers.ends import ForeignRecordError
from consumers.relay import DivergedError
from consumers.replica import ReplicaError
from consumers.topics import TopicError
from domain.errors import InquiryError
from domain.inquiries import StaleVersionError
from domain.request import RequestError
from domain.vocabulary import VocabularyError
from eventlog.archive import ArchiveError
from eventlog.bulk import BulkError
from eventlog.checkpoint import CheckpointError
from eventlog.database import DatabaseError
from eventlog.embedded import EmbeddedServerError
from eventlog.growing import TreeError
from eventlog.keys import KeyFileError
from eventlog.proving import NotProvableError
from eventlog.rotating import RotationError
from eventlog.settings import SettingsError
from eventlog.writer import WriterError
from importers.text_file import ImportFileError
from projections.asking_history import TooLongError
from projections.decoding import DecodingError
from projections.duck import TemporaryFolderError
from projections.exported import ExportError
from projections.folding import FoldError
from projections.question import QuestionError
from projections.rebuild import RebuildError
from projections.runner import UnknownTypeError, ViewStoppedError
from projections.shadow import RollbackError
from projections.spark_session import EngineError
from simulation.history import HistoryError
from simulation.sending import SendingError

CANNOT_BEGIN = (
    ArchiveError, BrokerError, BulkError, CheckpointError, DatabaseError, EmbeddedServerError,
    EngineError, ExportError, HistoryError, ImportFileError, KeyFileError, NotProvableError,
    OriginError, QuestionError, RebuildError, ReplicaError, RequestError, RollbackError,
    RotationError, ServeError, SettingsError, TemporaryFolderError, TokenFileError, TopicError,
    TreeError, VocabularyError,
)  # fmt: skip
"""Used wrongly, or nothing could be done: exit status 2."""

CANNOT_FINISH = (
    DecodingError, DivergedError, FoldError, ForeignRecordError, InquiryError, SendingError,
    StaleVersionError, TooLongError, TooManyRejectedError, UnfinishedError, UnknownTypeError,
    ViewStoppedError, WriterError, psycopg.Error,
)  # fmt: skip
"""The work found something wrong: exit status 1."""
