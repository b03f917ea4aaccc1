"""The component library: one environment of a system on Kubernetes, Vault and PostgreSQL."""

from components.app_deployment import AppDeployment, AppDeploymentArgs, Probes
from components.environment import Environment
from components.environment_database import EnvironmentDatabase, EnvironmentDatabaseArgs
from components.errors import InputError
from components.ingress import Ingress, IngressArgs
from components.namespace import Namespace, NamespaceArgs
from components.platform import Platform
from components.providers import Connected, connect
from components.settings import Settings
from components.vault_db_secret import VaultDbSecret, VaultDbSecretArgs

__all__ = [
    "AppDeployment",
    "AppDeploymentArgs",
    "Connected",
    "Environment",
    "EnvironmentDatabase",
    "EnvironmentDatabaseArgs",
    "Ingress",
    "IngressArgs",
    "InputError",
    "Namespace",
    "NamespaceArgs",
    "Platform",
    "Probes",
    "Settings",
    "VaultDbSecret",
    "VaultDbSecretArgs",
    "connect",
]
