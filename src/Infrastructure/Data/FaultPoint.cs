using System.Diagnostics;

namespace Mumega.Infrastructure.Data;

/// <summary>
/// Named points at which a test can kill the process (<c>MUMEGA_FAILPOINT=name:kill</c>). Compiled into test builds only; in any other
/// build the calls vanish.
/// </summary>
public static class FaultPoint
{
#if FAULT_POINTS
    private static readonly string[] Armed = (Environment.GetEnvironmentVariable("MUMEGA_FAILPOINT") ?? "").Split(':');
    private static int countdown = Armed.Length > 2 ? int.Parse(Armed[2]) : 1;
#endif

    /// <summary>Kills the process here, as SIGKILL does, when this point is armed. A third part counts: <c>name:kill:2</c> dies on the second pass.</summary>
    [Conditional("FAULT_POINTS")]
    public static void Hit(string name)
    {
#if FAULT_POINTS
        if (Armed.Length < 2 || Armed[0] != name || Armed[1] != "kill" || Interlocked.Decrement(ref countdown) != 0)
            return;
        using var self = Process.GetCurrentProcess();
        self.Kill();
        new ManualResetEvent(false).WaitOne();
#endif
    }
}
