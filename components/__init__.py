"""The component library: one environment of a system on Kubernetes, Vault and PostgreSQL."""

from components.app_deployment import AppDeployment, AppDeploymentArgs
from components.app_secret import AppSecret, AppSecretArgs, Expected, From, Generated
from components.cache import Cache, CacheArgs
from components.environment import Environment
from components.environment_database import EnvironmentDatabase, EnvironmentDatabaseArgs
from components.errors import InputError
from components.ingress import Ingress, IngressArgs, Route
from components.ingress_description import RateLimit, SecurityHeaders, Tls
from components.links import External
from components.namespace import Namespace, NamespaceArgs
from components.permissions import Permission
from components.platform import Platform
from components.pod import InitContainer
from components.probes import Probes
from components.providers import Connected, connect
from components.publication import Publication, PublicationArgs
from components.release_job import ReleaseJob
from components.role_settings import RoleSettings
from components.scheduled_job import ScheduledJob, ScheduledJobArgs
from components.schema_migration import SchemaMigration, SchemaMigrationArgs
from components.service_monitor import Metrics
from components.settings import Settings
from components.system import System, SystemArgs
from components.vault_db_secret import VaultDbSecret, VaultDbSecretArgs

__all__ = [
    "AppDeployment",
    "AppDeploymentArgs",
    "AppSecret",
    "AppSecretArgs",
    "Cache",
    "CacheArgs",
    "Connected",
    "Environment",
    "EnvironmentDatabase",
    "EnvironmentDatabaseArgs",
    "Expected",
    "External",
    "From",
    "Generated",
    "Ingress",
    "IngressArgs",
    "InitContainer",
    "InputError",
    "Metrics",
    "Namespace",
    "NamespaceArgs",
    "Permission",
    "Platform",
    "Probes",
    "Publication",
    "PublicationArgs",
    "RateLimit",
    "ReleaseJob",
    "RoleSettings",
    "Route",
    "ScheduledJob",
    "ScheduledJobArgs",
    "SchemaMigration",
    "SchemaMigrationArgs",
    "SecurityHeaders",
    "Settings",
    "System",
    "SystemArgs",
    "Tls",
    "VaultDbSecret",
    "VaultDbSecretArgs",
    "connect",
]
