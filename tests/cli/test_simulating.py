"""`dasan demo` and `dasan simulate`: a city's day through the service."""


from tests.cli.test_commands import dasan

__all__ = ["dasan"]  # a fixture
