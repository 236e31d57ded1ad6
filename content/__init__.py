"""The rules of branch life: plain values in, a Decision or a Refusal out."""
