from tests.integration.warehouse.conftest import settings as settings
from tests.integration.warehouse.conftest import warehouse as warehouse
