"""Synthesis of the Amodal InterHand dataset: scenes described, rendered, composed, stored."""
