namespace Mumega.App.Tests;

/// <summary>Tests that measure a time, or start whole servers: they run one after the other when the rest is over.</summary>
[CollectionDefinition(nameof(Alone), DisableParallelization = true)]
public sealed class Alone;
