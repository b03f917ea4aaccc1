module bulkhead/sandbox/tools/crds

go 1.26

require (
	github.com/cert-manager/cert-manager v1.21.2
	github.com/nginxinc/kubernetes-ingress v1.12.5
	github.com/prometheus-operator/prometheus-operator v0.85.0
	sigs.k8s.io/gateway-api v1.6.3
)
