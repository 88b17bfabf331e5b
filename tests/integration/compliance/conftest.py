from tests.integration.audit.conftest import settings as settings
from tests.integration.audit.conftest import warehouse as warehouse
