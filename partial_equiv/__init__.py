"""Partially equivariant group convolutions: groups, samplings, continuous kernels, layers."""
