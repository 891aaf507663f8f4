"""Fine-tuning: adapters, LoRA, and when to stop training which of them."""
