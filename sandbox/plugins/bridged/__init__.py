"""Semantics that Pulumi's plugins made from Terraform providers share: check, diff, read and the rest."""
