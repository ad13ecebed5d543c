"""What decides a training, as frozen values: layers, optimizer, schedule, augmentation."""
