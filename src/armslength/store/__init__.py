"""Durable state: implementations of `ports.Store`."""
