"""AutoFL and FedGPO beside what they are compared with: methods, cases, seeds, and what came of them."""
