"""Why a classifier answers as it does: occlusion, gradients, and what would have to change."""
