"""The smallest useful program: one application with a host, the same for DEV and PROD."""

import pulumi

from components import (
    AppDeployment,
    AppDeploymentArgs,
    Ingress,
    IngressArgs,
    Namespace,
    NamespaceArgs,
    Probes,
    Route,
    Settings,
    connect,
)

settings = Settings.load(apps=("web",))
env, platform = settings.environment, connect(settings)
here = Namespace("web", NamespaceArgs(environment=env, part="web"), platform)
runs = settings.workload("web")
args = AppDeploymentArgs(environment=env, namespace=here, workload=runs, port=8080, probes=Probes())
web = AppDeployment("web", args, platform)
public = Ingress("public", IngressArgs(environment=env, routes=(Route(to=web, host="web"),)), platform)
pulumi.export("urls", public.urls)
