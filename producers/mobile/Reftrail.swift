// Made by producers/mobile/snippets.py from the collector's routes; change it there.
import Foundation

public enum EventType: String, Codable, Sendable { case click = "click", formStarted = "form_started", identified = "identified", view = "view" }
public enum Source: String, Codable, Sendable { case electronic = "electronic", portal = "portal", direct = "direct" }
public enum Os: String, Codable, Sendable { case android = "android", ios = "ios" }
public enum Device: String, Codable, Sendable { case phone = "phone", tablet = "tablet" }
public enum MatchKind: String, Codable, Sendable { case exact = "exact", guess = "guess", none = "none" }
public enum MatchedBy: String, Codable, Sendable { case click = "click", referrer = "referrer", address = "address" }

public struct Event: Codable, Sendable {
    public var type: EventType
    public var eventId: String
    public var eventTime: String
    public var visitorId: String
    public var userId: String?
    public var code: String?
    public var campaignId: String?
    public var category: String?
    public var channel: String?
    public var source: Source?
    public var deviceId: String?
    public var userAgent: String?
    public var country: String?
    public var email: String?
    public var utmSource: String?

    public init(
        type: EventType,
        eventId: String,
        eventTime: String,
        visitorId: String,
        userId: String? = nil,
        code: String? = nil,
        campaignId: String? = nil,
        category: String? = nil,
        channel: String? = nil,
        source: Source? = nil,
        deviceId: String? = nil,
        userAgent: String? = nil,
        country: String? = nil,
        email: String? = nil,
        utmSource: String? = nil
    ) {
        self.type = type
        self.eventId = eventId
        self.eventTime = eventTime
        self.visitorId = visitorId
        self.userId = userId
        self.code = code
        self.campaignId = campaignId
        self.category = category
        self.channel = channel
        self.source = source
        self.deviceId = deviceId
        self.userAgent = userAgent
        self.country = country
        self.email = email
        self.utmSource = utmSource
    }

    enum CodingKeys: String, CodingKey {
        case type = "type"
        case eventId = "event_id"
        case eventTime = "event_time"
        case visitorId = "visitor_id"
        case userId = "user_id"
        case code = "code"
        case campaignId = "campaign_id"
        case category = "category"
        case channel = "channel"
        case source = "source"
        case deviceId = "device_id"
        case userAgent = "user_agent"
        case country = "country"
        case email = "email"
        case utmSource = "utm_source"
    }
}

public struct MatchQuestion: Codable, Sendable {
    public var visitorId: String
    public var signedClick: String?
    public var referrer: String?
    public var os: Os?
    public var device: Device?

    public init(
        visitorId: String,
        signedClick: String? = nil,
        referrer: String? = nil,
        os: Os? = nil,
        device: Device? = nil
    ) {
        self.visitorId = visitorId
        self.signedClick = signedClick
        self.referrer = referrer
        self.os = os
        self.device = device
    }

    enum CodingKeys: String, CodingKey {
        case visitorId = "visitor_id"
        case signedClick = "signed_click"
        case referrer = "referrer"
        case os = "os"
        case device = "device"
    }
}

public struct MatchAnswer: Codable, Sendable {
    public var match: MatchKind
    public var by: MatchedBy?
    public var code: String?
    public var clickedAt: String?

    public init(
        match: MatchKind,
        by: MatchedBy? = nil,
        code: String? = nil,
        clickedAt: String? = nil
    ) {
        self.match = match
        self.by = by
        self.code = code
        self.clickedAt = clickedAt
    }

    enum CodingKeys: String, CodingKey {
        case match = "match"
        case by = "by"
        case code = "code"
        case clickedAt = "clicked_at"
    }
}

/// Events that wait in a file until the collector has answered. visitorId: make a UUID once, and keep
/// it (UserDefaults; the keychain outlives the app, which may be more than people agreed to).
public actor Reftrail {
    private struct Batch: Encodable {
        let sentAt: String
        let events: [Event]

        enum CodingKeys: String, CodingKey {
            case sentAt = "sent_at"
            case events
        }
    }

    private let endpoint: URL
    private let key: String
    private let appId: String
    private let visitorId: String
    private let queue: URL
    private var waiting: [Event]

    public init(endpoint: URL, key: String, appId: String, visitorId: String, queue: URL) {
        self.endpoint = endpoint
        self.key = key
        self.appId = appId
        self.visitorId = visitorId
        self.queue = queue
        let kept = try? Data(contentsOf: queue)
        waiting = kept.flatMap { try? JSONDecoder().decode([Event].self, from: $0) } ?? []
    }

    /// Keep an event. Its id and time are its own from now on, however often it is sent.
    public func record(_ type: EventType, code: String? = nil, userId: String? = nil) throws {
        waiting.append(
            Event(
                type: type,
                eventId: UUID().uuidString.lowercased(),
                eventTime: Self.now(),
                visitorId: visitorId,
                userId: userId,
                code: code,
                userAgent: "\(appId) (ios)"
            )
        )
        try save()
    }

    /// Send what waits. False: try again later; nothing is lost, and nothing counts twice.
    public func flush() async throws -> Bool {
        while !waiting.isEmpty {
            let events = Array(waiting.prefix(50))
            guard let (status, _) = try? await post(
                "/v1/events", Batch(sentAt: Self.now(), events: events)
            ) else { return false }
            if status == 408 || status == 429 || status >= 500 { return false }
            let sent = Set(events.map(\.eventId))
            waiting.removeAll { sent.contains($0.eventId) }
            try save()
        }
        return true
    }

    /// By which click the app was installed; nil: ask again at the next opening.
    public func match(_ question: MatchQuestion) async -> MatchAnswer? {
        guard let (status, data) = try? await post("/v1/match", question), status == 200 else {
            return nil
        }
        return try? JSONDecoder().decode(MatchAnswer.self, from: data)
    }

    private func post(_ path: String, _ body: some Encodable) async throws -> (Int, Data) {
        var request = URLRequest(url: endpoint.appendingPathComponent(path), timeoutInterval: 30)
        request.httpMethod = "POST"
        request.setValue("Bearer \(key)", forHTTPHeaderField: "Authorization")
        request.setValue(appId, forHTTPHeaderField: "X-Reftrail-App")
        request.setValue("application/json", forHTTPHeaderField: "Content-Type")
        request.httpBody = try JSONEncoder().encode(body)
        let (data, response) = try await URLSession.shared.data(for: request)
        return ((response as? HTTPURLResponse)?.statusCode ?? 0, data)
    }

    private func save() throws {
        try JSONEncoder().encode(waiting).write(to: queue, options: .atomic)
    }

    private static func now() -> String {
        let format = ISO8601DateFormatter()
        format.formatOptions = [.withInternetDateTime, .withFractionalSeconds]
        return format.string(from: Date())
    }
}
