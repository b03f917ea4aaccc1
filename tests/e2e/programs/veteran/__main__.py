"""Veteran: two databases that were there before, and nothing else."""

from components import EnvironmentDatabase, EnvironmentDatabaseArgs, Settings, connect

DATABASES = ("api", "backend")

settings = Settings.load(apps=(), databases=DATABASES)
platform = connect(settings)
for name in DATABASES:
    EnvironmentDatabase(
        name, EnvironmentDatabaseArgs(environment=settings.environment, values=settings.database(name)), platform
    )
